"""What lies in the store of a campaign: pages, outcomes, videos, and whose they are.

What is written and read:

    formats     all of it as names and as bytes; begin to read there
    files       pages and outcomes
    lines       requests become the lines of pages
    media       what files held when they were prepared, and whether they still do
    digests     how that stands in a line
    videos      a video is saved
    repairs     what takes the place of an outcome afterwards
    claims      which campaign works on the store
    allowances  what may be spent, and is about to be
    damage      what is wrong with a file, told with its name

What workers do with it:

    shelf       keeps pages in memory
    discreet    what the engine is told of a line
    spellings   how the owner's own words may be spelled in that
"""
