"""Where files of messages are, for whoever shows them."""

from ..media import MediaStore as MediaStore
from ..media import Medium as Medium
