"use strict";
{
  document.documentElement.classList.add("js");
  const cards = [...document.querySelectorAll(".card")];
  const texts = cards.map((card) =>
    [...card.querySelectorAll(".prompt, .why, .id, .metadata")]
      .map((part) => part.textContent)
      .join("\n")
      .toLowerCase(),
  );
  const buttons = [...document.querySelectorAll("[data-show]")];
  const search = document.querySelector("input[type=search]");
  const shown = document.querySelector("output");
  let state = "";

  const update = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    cards.forEach((card, place) => {
      const fits =
        (!state || card.dataset.state === state) &&
        words.every((word) => texts[place].includes(word));
      card.hidden = !fits;
      count += fits;
    });
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.show === state));
    }
    shown.value = count === cards.length ? "" : `${count} of ${cards.length} shown`;
  };

  const showAll = () => {
    state = "";
    search.value = "";
    update();
  };

  for (const button of buttons) {
    button.addEventListener("click", () => {
      state = button.dataset.show;
      update();
    });
  }
  search?.addEventListener("input", update);
  // A browser that goes back fills the field in again.
  window.addEventListener("pageshow", () => search && update());

  // A row of the timeline leads to its card, also to one that is filtered out.
  document.querySelector(".timeline")?.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    const card = link && document.getElementById(link.getAttribute("href").slice(1));
    if (card?.hidden) showAll();
  });

  const copy = async (button) => {
    const id = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(id.textContent);
      button.textContent = "copied";
    } catch {
      // Not allowed here: then it is at least selected.
      getSelection().selectAllChildren(id);
      button.textContent = "selected";
    }
    setTimeout(() => (button.textContent = "copy"), 1500);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".copy");
    if (button) copy(button);
  });

  // Cards line up: of a long prompt the beginning is shown, and the rest on demand.
  for (const prompt of document.querySelectorAll(".prompt.long")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "more";
    const say = () => {
      const open = prompt.classList.contains("open");
      button.textContent = open ? "less" : "more";
      button.setAttribute("aria-expanded", String(open));
      button.setAttribute("aria-label", open ? "Less of the prompt" : "The whole prompt");
    };
    button.addEventListener("click", () => {
      prompt.classList.toggle("open");
      say();
    });
    say();
    prompt.after(button);
  }

  // One sound at a time.
  document.addEventListener(
    "play",
    (event) => {
      for (const video of document.querySelectorAll("video")) {
        if (video !== event.target && !video.paused) video.pause();
      }
    },
    true,
  );

  // A black frame does not say why it is black.
  document.addEventListener(
    "error",
    ({ target }) => {
      const frame = target instanceof HTMLVideoElement && target.closest(".frame");
      if (!frame || frame.querySelector(".lost")) return;
      const lost = document.createElement("p");
      lost.className = "lost";
      lost.textContent = "This video could not be loaded. Its link may have expired.";
      frame.append(lost);
    },
    true,
  );

  // A thousand videos keep a browser busy even if none is loaded: where there are many, they are
  // made as they come near, and taken away again.
  const AT_ONCE = 200;
  const make = (frame) => {
    if (frame.querySelector("video")) return;
    frame.insertAdjacentHTML("beforeend", frame.querySelector("noscript").textContent);
    const video = frame.lastElementChild;
    if (!video.poster) return;
    // The links of posters expire; then the first frame is better than nothing.
    const poster = new Image();
    poster.onerror = () => {
      video.removeAttribute("poster");
      video.preload = "metadata";
    };
    poster.src = video.poster;
  };
  const drop = (frame) => {
    const video = frame.querySelector("video");
    if (video?.paused && !video.currentTime && video !== document.activeElement) video.remove();
  };
  const framesOf = (part) =>
    [...part.querySelectorAll(".frame")].filter((frame) => frame.querySelector("noscript"));
  if (framesOf(document).length <= AT_ONCE) {
    framesOf(document).forEach(make);
  } else {
    const near = new IntersectionObserver(
      (changes) => {
        for (const { isIntersecting, target } of changes) {
          framesOf(target).forEach(isIntersecting ? make : drop);
        }
      },
      { rootMargin: "50%" },
    );
    for (const card of cards) near.observe(card);
  }
}
