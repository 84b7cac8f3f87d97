"""A journal as a page to look through. Needs the extra ``cli`` for its templates."""

from pika_async._gallery.campaign import Album, campaign_page
from pika_async._gallery.files import Folder
from pika_async._gallery.gallery import Folders, Gallery, folders_of, opened
from pika_async._gallery.lines import lines
from pika_async._gallery.mark import is_page_of
from pika_async._gallery.page import page
from pika_async._gallery.table import row, table
from pika_async._gallery.totals import Totals, totals_of
from pika_async._gallery.values import Attempt, Clip, Entry, Problem, Standing

__all__ = [
    "Album",
    "Attempt",
    "Clip",
    "Entry",
    "Folder",
    "Folders",
    "Gallery",
    "Problem",
    "Standing",
    "Totals",
    "campaign_page",
    "folders_of",
    "is_page_of",
    "lines",
    "opened",
    "page",
    "row",
    "table",
    "totals_of",
]
