"""The codes of all findings of ``wheeltarget check``. A code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CHECK_CODES: Mapping[str, str] = MappingProxyType(
    {
        # The file itself
        "WC101": "the name of the file is not that of a wheel",
        "WC102": "the archive, or a file in it, cannot be read",
        "WC103": "a file or script would be written outside its folder",
        "WC104": "two files in the wheel have the same name",
        "WC105": "the names of two files in the wheel differ only by case or Unicode normalization",
        "WC106": "a member of the wheel is a symbolic link or a special file",
        "WC107": "the wheel does not have exactly one `.dist-info` directory named after it",
        "WC108": "METADATA is missing, cannot be read, or lacks the name or the version",
        "WC109": "METADATA has another project or version than the name of the file",
        "WC110": "WHEEL is missing, cannot be read, or has an unsupported version",
        "WC111": "the tags in WHEEL differ from those in the name of the file",
        "WC112": "RECORD is missing or cannot be read",
        "WC113": "a file in the wheel is not in RECORD",
        "WC114": "a file in RECORD is not in the wheel",
        "WC115": "the hash of a file differs from RECORD",
        "WC116": "the size of a file differs from RECORD",
        "WC117": "RECORD has no hash for a file, or a weak one",
        "WC118": "the wheel would unpack to far more than a wheel can contain",
        "WC119": "the archive contradicts itself, so programs may unpack different files",
        "WC120": "a file in the wheel has a name that is not a valid file name",
        "WC121": "a file is in a `.data` directory that installers do not know",
        "WC122": "entry_points.txt cannot be read",
        # The file and the targets
        "WC201": "the wheel has no tag that a target accepts",
        "WC202": "`Requires-Python` excludes every target that accepts the tags",
        # What is needed
        "WC301": "a requirement is missing",
        "WC302": "a requirement is available only in other versions",
        "WC303": "the requirements cannot be resolved with the files",
        "WC304": "a dependency, or `Requires-Python`, cannot be read",
        "WC305": "no target needs the file, or no lock names it",
        "WC306": "a requirement names a URL, not one of the files",
        # What native code needs, with --audit
        "WC501": "a file that looks like ELF cannot be read",
        "WC502": "a shared object is for another machine than the tags of its wheel",
        "WC503": "a shared object needs a symbol that the tags of its wheel do not guarantee",
        "WC504": "a shared object needs a newer glibc than the target has",
        "WC505": "a shared object needs a library that the tags of its wheel do not guarantee",
        "WC506": "a shared object is linked against another C library than its tags name",
        # What the lock says
        "WC401": "a file that the lock names is missing",
        "WC402": "the hash of a file differs from the lock",
        # What install-check finds
        "WC601": "a module cannot be imported",
        "WC602": "importing a module crashes Python, or takes too long",
    }
)
"""What each code means."""
