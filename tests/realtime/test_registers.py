"""Register maps: how raw words become readings, and what a wrong map or a wrong value gets."""

import struct

import pytest

from vibelux.market.errors import ConfigError, Corrupt
from vibelux.realtime.registers import Register, read_map


def register(field: str = "gridImportKw", **more) -> Register:
    return Register(field=field, address=100, **more)


def words(form: str, value: float) -> list[int]:
    packed = struct.pack(f">{form}", value)
    return list(struct.unpack(f">{len(packed) // 2}H", packed))


@pytest.mark.parametrize(
    ("more", "raw", "expected"),
    [
        ({"type": "int16"}, words("h", -650), -650.0),
        ({"type": "int16", "scale": 0.1}, words("h", -6505), -650.5),
        ({"type": "int16", "scale": 0.1, "offset": 5.0}, words("h", 100), 15.0),
        ({"type": "uint16"}, words("H", 65_000), 65_000.0),
        ({"type": "int32"}, words("i", -870_500), -870_500.0),
        ({"type": "int32", "unit": "W"}, words("i", -870_500), -870.5),
        ({"type": "int32", "word_order": "little"}, words("i", -870_500)[::-1], -870_500.0),
        ({"type": "uint32"}, words("I", 3_000_000_000), 3e9),
        ({"type": "float32"}, words("f", 870.5), 870.5),
        ({"type": "float32", "word_order": "little"}, words("f", 870.5)[::-1], 870.5),
        ({"type": "int16"}, [0x8000], None),
        ({"type": "uint16"}, [0xFFFF], None),
        ({"type": "uint16", "missing": []}, [0xFFFF], 65_535.0),
        ({"type": "int16", "missing": [-1]}, [0xFFFF], None),
        ({"type": "int32"}, [0x8000, 0], None),
        ({"type": "uint32"}, [0xFFFF, 0xFFFF], None),
    ],
)
def test_raw_words_become_the_reading_in_the_fields_unit_or_none(more, raw, expected):
    one = register(**more)
    assert one.count == len(raw)
    assert one.value(raw) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("more", "raw", "runs"),
    [
        ({"type": "uint16"}, [1], True),
        ({"type": "uint16"}, [0], False),
        ({"type": "uint16", "bit": 3}, [0b1000], True),
        ({"type": "uint16", "bit": 3}, [0b0111], False),
        ({"type": "uint16", "equals": [4, 5]}, [5], True),
        ({"type": "uint16", "equals": [4, 5]}, [6], False),
        ({"type": "int16", "scale": 0.1, "above": 20}, words("h", 201), True),
        ({"type": "int16", "scale": 0.1, "above": 20}, words("h", 199), False),
        ({"table": "coil"}, [1], True),
        ({"table": "discrete", "type": "float32"}, [0], False),
    ],
)
def test_whether_an_engine_runs_is_said_by_a_word_a_bit_a_code_or_its_power(more, raw, runs):
    one = register("units.engine-1.on", **more)
    assert one.count == 1
    assert one.value(raw) == float(runs)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_no_number_is_refused_by_name(value):
    with pytest.raises(Corrupt, match=r"gridImportKw: .* at holding 100 is not a number"):
        register(type="float32").value(words("f", value))


def test_a_value_outside_its_bounds_is_refused_by_name():
    with pytest.raises(Corrupt, match=r"gridImportKw: 5000 at holding 100 is outside None to 4000\.0"):
        register(high=4000.0).value([5000])
    with pytest.raises(Corrupt, match="outside"):
        register(low=0.0).value(words("h", -1))


MAP = """device = "a test"
[[registers]]
field = "units.engine-1.powerKw"
address = 100
type = "int32"
"""


def test_a_map_is_read_from_its_file(tmp_path):
    path = tmp_path / "map.toml"
    path.write_text(MAP)
    (one,) = read_map(path).registers
    assert (one.target.unit_id, one.target.member, one.type) == ("engine-1", "powerKw", "int32")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("adress = 3\n", r"line 6: registers\[0\].adress: unknown key; did you mean address\?"),
        ('unit = "V"\n', "powerKw is not measured in 'V'"),
        ("bit = 3\n", "bit says whether an engine runs"),
        ("scale = nan\n", "finite"),
        ('table = "coil"\n', "a coil says whether an engine runs"),
        ('[[registers]]\nfield = "colour"\naddress = 3\n', "line 7: .*'colour' is nothing that a report holds"),
        ('[[registers]]\nfield = "units.engine-1.powerKw"\naddress = 3\n', "units.engine-1.powerKw is given twice"),
        ('[[registers]]\nfield = "storageKwh"\n', "address: is missing"),
        ('[[registers]]\nfield = "storageKwh"\naddress = 70000\n', "less than or equal to 65535"),
        ('[[registers]]\nfield = "units.a.on"\naddress = 3\nbit = 1\nequals = [2]\n', "give one of bit and equals"),
        ('[[registers]]\nfield = "units.a.on"\naddress = 3\nbit = 1\ntype = "float32"\n', "no bits"),
    ],
)
def test_a_wrong_map_is_refused_by_file_line_and_key(tmp_path, more, said):
    path = tmp_path / "map.toml"
    path.write_text(MAP + more)
    with pytest.raises(ConfigError, match=said):
        read_map(path)


def test_a_map_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml cannot be read"):
        read_map(tmp_path / "nowhere.toml")
