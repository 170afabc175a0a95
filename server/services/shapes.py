"""The shapes that screens are given, and the words for them that are the same everywhere."""

from ..auth import Principal as Principal
from ..choices import choices_of as choices_of
from ..model import BOT as BOT
from ..model import NOBODY as NOBODY
from ..model import OPERATOR as OPERATOR
from ..model import Conversation as Conversation
from ..model import Message as Message
from ..model import Turn as Turn
from ..plugin import Plugin as Plugin
from ..records import Appointment as Appointment
from ..records import Lead as Lead
from .delivery_words import code as code
from .delivery_words import trouble as trouble
