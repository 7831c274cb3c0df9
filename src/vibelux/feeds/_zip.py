"""Unpacks what upstreams send, within bounds: zip, gzip or plain, told apart by the bytes and not by the name."""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass

from isal import isal_zlib

from vibelux.market.errors import Corrupt, TooLarge

MAX_BYTES = 1 << 30
"""Price archives unpack to 1 GiB at most."""
MAX_RATIO = 200
MAX_MEMBERS = 64
_RATIO_MATTERS_FROM = 1 << 20
_LOCAL_HEADER_BYTES = 30
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_GZIP = b"\x1f\x8b"
_WORKBOOK = b"xl/workbook.xml"
_DIRECTORY_BYTES = 1 << 16
"""Where a workbook's table of contents lies: it has some dozens of parts."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive; a plain payload is its own only member. The name is a label, never a path."""

    name: str
    body: bytes


def unpack(body: bytes, name: str = "", *, nested: int = 0) -> list[Member]:
    """All members of a payload.

    Args:
        body: as served.
        name: as served, a label.
        nested: how many levels of archives inside archives the feed's format really has.

    Raises:
        Corrupt: truncated, wrong checksum, encrypted, a method other than deflate, an archive inside an archive.
        TooLarge: over 1 GiB, over 64 members, or unpacking to over 200 times its size.
    """
    if body.startswith(_GZIP):
        return [Member(name.removesuffix(".gz"), _gunzip(body, name))]
    if not body.startswith((_ZIP, _EMPTY_ZIP)) or is_workbook(body):
        return [Member(name, body)]
    infos = _directory(body, name)
    if len(infos) > MAX_MEMBERS and not nested:
        raise TooLarge(f"{name or 'payload'}: {len(infos)} members in one zip, more than {MAX_MEMBERS}")
    members = []
    for info in infos:
        content = _inflate(body, info)
        if content.startswith((_ZIP, _GZIP)) and not is_workbook(content):
            if nested < 1:
                raise Corrupt(f"{info.filename}: an archive inside an archive")
            members += unpack(content, info.filename, nested=nested - 1)
        else:
            members.append(Member(info.filename, content))
    return members


def verify(body: bytes, name: str = "") -> None:
    """Reads a workbook's parts through and keeps none: its reader checks neither sizes nor checksums.

    Raises:
        Corrupt, TooLarge: as `unpack` would.
    """
    for info in _directory(body, name):
        _inflate(body, info)


def is_workbook(body: bytes) -> bool:
    """An xlsx: a zip by its bytes, yet one document and no archive."""
    if not body.startswith(_ZIP) or _WORKBOOK not in body[-_DIRECTORY_BYTES:]:
        return False
    try:
        return _WORKBOOK.decode() in zipfile.ZipFile(io.BytesIO(body)).namelist()
    except (zipfile.BadZipFile, ValueError, struct.error, OSError, NotImplementedError):
        return False


def _directory(body: bytes, name: str) -> list[zipfile.ZipInfo]:
    """What an archive says that it holds, within the bounds."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(body))
    except (zipfile.BadZipFile, ValueError, struct.error, OSError, NotImplementedError) as error:
        raise Corrupt(f"{name or 'payload'}: the zip is damaged or cut off: {error}") from error
    infos = [info for info in archive.infolist() if not info.filename.endswith("/")]
    if not infos:
        raise Corrupt(f"{name or 'payload'}: the zip is empty")
    _bound(sum(info.file_size for info in infos), len(body), name)
    return infos


def _bound(out_bytes: int, in_bytes: int, name: str) -> None:
    if out_bytes > MAX_BYTES:
        raise TooLarge(f"{name or 'payload'}: unpacks to {out_bytes} bytes, more than {MAX_BYTES}")
    if out_bytes > _RATIO_MATTERS_FROM and out_bytes > MAX_RATIO * in_bytes:
        raise TooLarge(f"{name or 'payload'}: unpacks to over {MAX_RATIO} times its size")


def _inflate(body: bytes, info: zipfile.ZipInfo) -> bytes:
    """One member, by its local header; isal does it in half the time of zlib."""
    head = body[info.header_offset : info.header_offset + _LOCAL_HEADER_BYTES]
    if len(head) < _LOCAL_HEADER_BYTES or not head.startswith(_ZIP):
        raise Corrupt(f"{info.filename}: the zip's directory points nowhere")
    if info.flag_bits & 1:
        raise Corrupt(f"{info.filename}: the zip is encrypted")
    name_bytes, extra_bytes = struct.unpack("<HH", head[26:30])
    start = info.header_offset + _LOCAL_HEADER_BYTES + name_bytes + extra_bytes
    packed = memoryview(body)[start : start + info.compress_size]
    if info.compress_type == zipfile.ZIP_STORED:
        content = bytes(packed)
    elif info.compress_type == zipfile.ZIP_DEFLATED:
        content = _bounded(packed, -zlib.MAX_WBITS, info.file_size, info.filename)
    else:
        raise Corrupt(f"{info.filename}: compression method {info.compress_type} is not read")
    if len(content) != info.file_size or isal_zlib.crc32(content) != info.CRC:
        raise Corrupt(f"{info.filename}: cut off or wrong checksum")
    return content


def _gunzip(body: bytes, name: str) -> bytes:
    (size,) = struct.unpack("<I", body[-4:]) if len(body) >= 4 else (0,)
    _bound(size, len(body), name)
    return _bounded(memoryview(body), 16 + zlib.MAX_WBITS, size, name)


def _bounded(packed: memoryview, wbits: int, size: int, name: str) -> bytes:
    """Inflates to `size` bytes and not one more, whatever the stream goes on to say."""
    inflater = isal_zlib.decompressobj(wbits)
    try:
        content: bytes = inflater.decompress(packed, size + 1)
    except isal_zlib.error as error:  # type: ignore[misc] # its stub calls the class an instance
        raise Corrupt(f"{name or 'payload'}: damaged or cut off: {error}") from error
    if len(content) > size:
        raise TooLarge(f"{name or 'payload'}: unpacks to more than it says")
    if not inflater.eof:
        raise Corrupt(f"{name or 'payload'}: cut off")
    return content
