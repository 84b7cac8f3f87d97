"""What a video is asked for with: the request, its media and effects, its name, its JSON."""
