"""The codes of everything that ``wheeltarget check`` can find; a code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CHECK_CODES: Mapping[str, str] = MappingProxyType(
    {
        # The file itself
        "WC101": "the name of the file is no wheel's",
        "WC102": "the archive, or a file in it, cannot be read",
        "WC103": "the name of a file or script leads out of the folder it is installed into",
        "WC104": "two files in the wheel have one name",
        "WC105": "two files in the wheel differ by case only, or by the way an accent is written",
        "WC106": "something in the wheel is a link, or no plain file",
        "WC107": "the wheel has not one `.dist-info` folder of its own name",
        "WC108": "METADATA is missing, cannot be read, or lacks the name or the version",
        "WC109": "METADATA is of another project or version than the name of the file",
        "WC110": "WHEEL is missing, cannot be read, or is of a version that nobody installs",
        "WC111": "the tags in WHEEL are not those in the name of the file",
        "WC112": "RECORD is missing or cannot be read",
        "WC113": "a file is in the wheel and not in RECORD",
        "WC114": "a file is in RECORD and not in the wheel",
        "WC115": "a file has another hash than RECORD says",
        "WC116": "a file has another size than RECORD says",
        "WC117": "RECORD has no hash of a file, or a weak one",
        "WC118": "the wheel would unpack to far more than there can be in it",
        "WC119": "the archive contradicts itself, so that programs unpack different things",
        "WC120": "no file can have the name of a file in the wheel",
        "WC121": "a file is in a `.data` folder that installers do not know",
        "WC122": "entry_points.txt cannot be read",
        # The file and the targets
        "WC201": "the wheel has no tag of any target",
        "WC202": "`Requires-Python` leaves out every target that the tags are for",
        # What is needed
        "WC301": "something that is needed is missing",
        "WC302": "something that is needed is there in other versions only",
        "WC303": "what is there cannot be put together",
        "WC304": "a dependency, or `Requires-Python`, cannot be read",
        "WC305": "no target needs the file, or no lock names it",
        "WC306": "something is asked for by a URL, not as a file that is there",
        # What native code needs, with --audit
        "WC501": "a file that looks like ELF cannot be read",
        "WC502": "a shared object is for another machine than the tags of its wheel",
        "WC503": "a shared object needs a symbol that the tags of its wheel do not promise",
        "WC504": "a shared object needs a newer glibc than the target has",
        "WC505": "a shared object needs a library that nobody promises",
        "WC506": "a shared object is linked against another C library than the tags say",
        # What the lock says
        "WC401": "a file that the lock names is missing",
        "WC402": "a file has another hash than the lock says",
        # What install-check finds
        "WC601": "a module cannot be imported",
        "WC602": "importing a module ends Python, or takes too long",
    }
)
"""One line for each code."""
