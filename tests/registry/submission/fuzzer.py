"""Mutations of a file, by a seeded draw: what exports, mails and spreadsheets do to it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from random import Random

Lines = list[bytes]


def _place(lines: Lines, draw: Random) -> int:
    return draw.randrange(1, len(lines)) if len(lines) > 1 else 0


def truncated(lines: Lines, draw: Random) -> bytes:
    whole = b"\n".join(lines) + b"\n"
    return whole[: draw.randrange(0, len(whole) + 1)]


def one_line_cut(lines: Lines, draw: Random) -> bytes:
    place = _place(lines, draw)
    lines[place] = lines[place][: draw.randrange(0, len(lines[place]) + 1)]
    return b"\n".join(lines)


def too_many_fields(lines: Lines, draw: Random) -> bytes:
    lines[_place(lines, draw)] += b";1" * draw.randrange(1, 4)
    return b"\n".join(lines)


def quote_opened(lines: Lines, draw: Random) -> bytes:
    place = _place(lines, draw)
    at = draw.randrange(0, len(lines[place]) + 1)
    lines[place] = lines[place][:at] + b'"' + lines[place][at:]
    return b"\n".join(lines) + b"\n"


def quotes_anywhere(lines: Lines, draw: Random) -> bytes:
    for _ in range(draw.randrange(2, 8)):
        place = _place(lines, draw)
        at = draw.randrange(0, len(lines[place]) + 1)
        lines[place] = lines[place][:at] + b'"' + lines[place][at:]
    return b"\n".join(lines) + b"\n"


def all_quoted(lines: Lines, draw: Random) -> bytes:
    quoted = [b";".join(b'"' + f.replace(b'"', b'""') + b'"' for f in x.split(b";")) for x in lines]
    return b"\r\n".join(quoted) + b"\r\n"


def nul_bytes(lines: Lines, draw: Random) -> bytes:
    for _ in range(draw.randrange(1, 5)):
        place = draw.randrange(0, len(lines))
        at = draw.randrange(0, len(lines[place]) + 1)
        lines[place] = (
            lines[place][:at] + bytes([draw.choice([0, 1, 8, 26, 31])]) + lines[place][at:]
        )
    return b"\n".join(lines) + b"\n"


def long_line(lines: Lines, draw: Random) -> bytes:
    place = _place(lines, draw)
    size = draw.choice([10_000, 200_000])
    at = draw.randrange(0, len(lines[place]) + 1)
    lines[place] = lines[place][:at] + b"x" * size + lines[place][at:]
    return b"\n".join(lines) + b"\n"


def with_mark(lines: Lines, draw: Random) -> bytes:
    return b"\xef\xbb\xbf" + b"\r\n".join(lines) + b"\r\n"


def latin_1(lines: Lines, draw: Random) -> bytes:
    place = _place(lines, draw)
    lines[place] = lines[place].replace(b"place", "Sør-Pätkå".encode("latin-1"), 1)
    return b"\n".join(lines) + b"\n"


def utf_16(lines: Lines, draw: Random) -> bytes:
    text = b"\n".join(lines).decode("latin-1") + "\n"
    return text.encode(draw.choice(["utf-16", "utf-16-le", "utf-16-be"]))


def header_doubled(lines: Lines, draw: Random) -> bytes:
    lines.insert(_place(lines, draw), lines[0])
    return b"\n".join(lines) + b"\n"


def column_doubled(lines: Lines, draw: Random) -> bytes:
    names = lines[0].split(b";")
    names[draw.randrange(1, len(names))] = names[0]
    lines[0] = b";".join(names)
    return b"\n".join(lines) + b"\n"


def header_lost(lines: Lines, draw: Random) -> bytes:
    return b"\n".join(lines[1:]) + b"\n"


def other_delimiter(lines: Lines, draw: Random) -> bytes:
    other = draw.choice([b",", b"\t", b"|", b" "])
    which = draw.choice([lines, lines[:1]])
    for place in range(len(which)):
        lines[place] = lines[place].replace(b";", other)
    return b"\n".join(lines) + b"\n"


def blank_lines(lines: Lines, draw: Random) -> bytes:
    for _ in range(draw.randrange(1, 5)):
        lines.insert(_place(lines, draw), draw.choice([b"", b"   ", b";" * 5, b"\t"]))
    return b"\r\n".join(lines) + b"\n" * draw.randrange(0, 3)


def line_ends(lines: Lines, draw: Random) -> bytes:
    return b"".join(x + draw.choice([b"\n", b"\r\n", b"\r", b"\n\r"]) for x in lines)


def excel(lines: Lines, draw: Random) -> bytes:
    """Dates as serial numbers, codes as dates, ids in scientific notation, formulas."""
    made = [
        b"36892",
        b"05-Sep",
        b"Mar-70",
        b"1.23457E+12",
        b"01/03/8070",
        b"#VALUE!",
        b"1,5",
        b"TRUE",
    ]
    made += [b"=1+2", b"=cmd|' /C calc'!A0", b"@SUM(A1)", b"+1", b"-1", b'=HYPERLINK("x")']
    for _ in range(draw.randrange(1, 12)):
        place = _place(lines, draw)
        fields = lines[place].split(b";")
        fields[draw.randrange(0, len(fields))] = draw.choice(made)
        lines[place] = b";".join(fields)
    return b"\n".join(lines) + b"\n"


def random_bytes(lines: Lines, draw: Random) -> bytes:
    raw = bytearray(b"\n".join(lines) + b"\n")
    for _ in range(draw.randrange(1, 10)):
        raw[draw.randrange(0, len(raw))] = draw.randrange(0, 256)
    return bytes(raw)


def noise(lines: Lines, draw: Random) -> bytes:
    return draw.randbytes(draw.randrange(1, 4000))


def zipped(lines: Lines, draw: Random) -> bytes:
    whole = gzip.compress(b"\n".join(lines) + b"\n", mtime=0)
    return whole if draw.random() < 0.3 else whole[: draw.randrange(3, len(whole))]


def lines_lost_and_doubled(lines: Lines, draw: Random) -> bytes:
    for _ in range(draw.randrange(1, 5)):
        place = _place(lines, draw)
        lines[place : place + 1] = [lines[place]] * draw.choice([0, 2, 3])
        lines += [lines[0]] if len(lines) < 2 else []
    return b"\n".join(lines) + b"\n"


MUTATIONS: tuple[Callable[[Lines, Random], bytes], ...] = (
    *(truncated, one_line_cut, too_many_fields, quote_opened, quotes_anywhere, all_quoted),
    *(nul_bytes, long_line, with_mark, latin_1, utf_16, header_doubled, column_doubled),
    *(header_lost, other_delimiter, blank_lines, line_ends, excel, random_bytes, noise, zipped),
    lines_lost_and_doubled,
)


def mutated(text: str, seed: int) -> bytes:
    """Return a file mutated once or twice, the same for one seed."""
    draw = Random(seed)
    first = MUTATIONS[seed % len(MUTATIONS)]
    raw = first([line.encode() for line in text.splitlines()], draw)
    if draw.random() < 0.3 and raw.count(b"\n") > 2 and first is not zipped:
        raw = draw.choice(MUTATIONS)(raw.split(b"\n"), draw)
    return raw
