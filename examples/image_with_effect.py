"""Start from an image and apply an effect.

PIKA_API_KEY=… python examples/image_with_effect.py cake.png cake-ify cake.mp4
"""

import argparse
import asyncio
from pathlib import Path

from pika_async import Camera, ConfigurationError, GenerationRequest, PikaClient


async def main(image: str, effect: str, path: str) -> None:
    # Wrong values end here, with a sentence, before anything is sent or paid.
    request = GenerationRequest(
        "it turns out to be cake",
        image=Path(image),
        pikaffect=effect,
        camera=Camera(zoom="in"),
        motion=2,
        negative_prompt="blurry",
        seed=3183047765,
    )
    async with PikaClient() as client:
        result = await client.generate(request)
        print(f"saved {await client.download(result.video, path)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("image")
    parser.add_argument("effect")
    parser.add_argument("path")
    given = parser.parse_args()
    if not Path(given.image).is_file():
        parser.error(f"there is no file {given.image}")
    if Path(given.path).exists():  # a download refuses it, too, but then the video is paid for
        parser.error(f"{given.path} exists; nothing was sent")
    try:
        asyncio.run(main(**vars(given)))
    except ConfigurationError as error:  # no key, say; nothing was sent
        parser.exit(2, f"{error}\n")
