"""A journal as a page to look through. Needs the extra ``cli`` for its templates."""

from pika_async._report._files import Folder
from pika_async._report._gallery import Gallery, opened
from pika_async._report._lines import lines
from pika_async._report._page import page
from pika_async._report._totals import Totals, totals_of

__all__ = ["Folder", "Gallery", "Totals", "lines", "opened", "page", "totals_of"]
