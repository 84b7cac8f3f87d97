"""A journal as a page to look through. Needs the extra ``cli`` for its templates."""

from pika_async._gallery.files import Folder
from pika_async._gallery.gallery import Gallery, opened
from pika_async._gallery.lines import lines
from pika_async._gallery.page import page
from pika_async._gallery.totals import Totals, totals_of

__all__ = ["Folder", "Gallery", "Totals", "lines", "opened", "page", "totals_of"]
