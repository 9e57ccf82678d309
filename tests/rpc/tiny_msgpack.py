"""MessagePack in thirty lines, as peers of 2013 had it: no bin, no str 8; reads the newer forms too."""

import struct


def pack(value):
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        if -32 <= value < 128:
            return struct.pack("b", value)
        for first, layout in zip(range(0xCC, 0xD0), "BHIQ") if value > 0 else zip(range(0xD0, 0xD4), "bhiq"):
            try:
                return bytes([first]) + struct.pack(">" + layout, value)
            except struct.error:
                continue
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, (str, bytes)):
        data = value.encode() if isinstance(value, str) else value
        if len(data) < 32:
            return bytes([0xA0 | len(data)]) + data
        return (b"\xda" + struct.pack(">H", len(data)) if len(data) < 65536 else b"\xdb" + struct.pack(">I", len(data))) + data
    if isinstance(value, (list, tuple)):
        head = bytes([0x90 | len(value)]) if len(value) < 16 else b"\xdc" + struct.pack(">H", len(value))
        return head + b"".join(map(pack, value))
    head = bytes([0x80 | len(value)]) if len(value) < 16 else b"\xde" + struct.pack(">H", len(value))
    return head + b"".join(pack(key) + pack(value[key]) for key in sorted(value))


def unpack(data):
    value, rest = read(data)
    if rest:
        raise ValueError("more than one value")
    return value


def read(data):
    first, data = data[0], data[1:]
    if first < 0x80 or first >= 0xE0:
        return (first if first < 0x80 else first - 256), data
    if first in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[first], data
    if 0xCA <= first <= 0xD3:
        return number("fdBHIQbhiq"[first - 0xCA], data)
    if first < 0x90 or first in (0xDE, 0xDF):
        count, data = (first & 15, data) if first < 0x90 else number("HI"[first - 0xDE], data)
        values, data = several(2 * count, data)
        return dict(zip(values[::2], values[1::2])), data
    if first < 0xA0 or first in (0xDC, 0xDD):
        count, data = (first & 15, data) if first < 0xA0 else number("HI"[first - 0xDC], data)
        return several(count, data)
    if first < 0xC0 or 0xD9 <= first <= 0xDB:
        size, data = (first & 31, data) if first < 0xC0 else number("BHI"[first - 0xD9], data)
        if len(data) < size:
            raise ValueError("cut")
        return data[:size].decode(errors="surrogateescape"), data[size:]
    raise ValueError(f"type {first:#x}")


def number(layout, data):
    size = struct.calcsize(">" + layout)
    return struct.unpack(">" + layout, data[:size])[0], data[size:]


def several(count, data):
    values = []
    for _ in range(count):
        value, data = read(data)
        values.append(value)
    return values, data
