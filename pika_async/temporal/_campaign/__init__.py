"""The workflows of a campaign: it opens pages, and they submit their lines.

The words of these workflows:

    prompt    what the owner of a campaign counts and decides about; so he reads it everywhere
    request   the same as what is to be made, with its texts and media; it stands in the store
    line      the same as the engine knows it: a place in a page, and no word of its text
    page      up to 500 lines: one file in the store, and one workflow
    width     how many lines of a page may be under way at once; with 0 it is paused
    share     how many jobs a campaign may have in flight; its account allots it
    held      a page submits nothing until its owner has resumed the campaign
    put off   a line is tried later, since the service does not take it now; others are tried
    sealed    the outcomes of a page are written to the store, for good
    stranded  a page has ended without that; its lines count as uncertain
    unseen    jobs may run at the service, and nobody waits for them; they keep their places a while
    gone      a campaign or a repair has ended without a word to its account
"""
