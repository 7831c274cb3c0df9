"""Register maps: which registers of a Modbus device hold which readings, from a TOML file; and how they are read.

Engines do not speak one language: addresses, word orders and scales are each maker's own, so that each site has a map.
"""

import math
import struct
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from vibelux._toml import TomlFile, first_fault
from vibelux.market.errors import ConfigError, Corrupt, UsageError
from vibelux.market.targets import Target, target_name

Table = Literal["holding", "input", "coil", "discrete"]

_Finite = Annotated[float, Field(allow_inf_nan=False)]
_TYPES = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f"}
_NOT_IMPLEMENTED: dict[str, float] = {"int16": -0x8000, "uint16": 0xFFFF, "int32": -0x8000_0000, "uint32": 0xFFFF_FFFF}
"""By type, what SunSpec and many others send for a reading that the device does not have."""


class Register(BaseModel):
    """One reading: `[[registers]]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    field: Annotated[str, AfterValidator(target_name)]
    """`units.engine-1.powerKw`, `storageKwh`, `frequencyHz`, ..."""
    address: Annotated[int, Field(ge=0, le=0xFFFF)]
    """As it goes over the wire, counted from 0: register 40101 of a manual is address 100 of table `holding`."""
    table: Table = "holding"
    type: Literal["int16", "uint16", "int32", "uint32", "float32"] = "int16"
    word_order: Literal["big", "little"] = "big"
    """Of values of two registers, which comes first: the high word or the low one."""
    scale: _Finite = 1.0
    offset: _Finite = 0.0
    """The value is raw * scale + offset."""
    unit: str | None = None
    """What the value is then measured in, where that is not the field's own unit: `W`, `MWh`, `mHz`, `kV`."""
    low: _Finite | None = None
    high: _Finite | None = None
    """Bounds in the field's own unit; a value outside is refused."""
    missing: Annotated[tuple[float, ...], Field(strict=False)] | None = None
    """Raw values that mean that there is no reading; None: the type's usual one (0x8000, 0xFFFF, ...).

    A float32 that is NaN is refused, and so told of."""
    bit: Annotated[int, Field(ge=0, le=31)] | None = None
    """Of an `on`: this bit of the raw value."""
    equals: Annotated[tuple[int, ...], Field(strict=False)] | None = None
    """Of an `on`: the raw values that mean that it runs."""
    above: _Finite | None = None
    """Of an `on`: it runs when the value (scaled, in its unit) is more than this."""

    @model_validator(mode="after")
    def _sense(self) -> "Register":
        target = Target.named(self.field)
        rules = [name for name in ("bit", "equals", "above") if getattr(self, name) is not None]
        if rules and target.member != "on":
            raise ValueError(f"{rules[0]} says whether an engine runs; {self.field} is a number")
        if len(rules) > 1:
            raise ValueError(f"give one of {' and '.join(rules)}")
        if self.is_bit and target.member != "on":
            raise ValueError(f"a {self.table} says whether an engine runs; {self.field} is a number")
        if self.bit is not None and self.type == "float32":
            raise ValueError("a float32 has no bits to look at")
        if target.member != "on":
            try:
                target.factor(self.unit)
            except UsageError as error:
                raise ValueError(str(error)) from error
        return self

    @property
    def target(self) -> Target:
        """What it is."""
        return Target.named(self.field)

    @property
    def count(self) -> int:
        """How many registers it takes."""
        return 2 if self.type.endswith("32") and not self.is_bit else 1

    @property
    def is_bit(self) -> bool:
        """Whether its table holds bits, not registers."""
        return self.table in {"coil", "discrete"}

    def value(self, raw: list[int]) -> float | None:
        """The reading in the field's unit (an `on` as 1 or 0); None where the device says that it has none.

        Args:
            raw: the registers as they came, or a bit.

        Raises:
            Corrupt: NaN, infinite, or outside its bounds.
        """
        number = float(raw[0]) if self.is_bit else self._number(raw)
        if self._is_missing(number):
            return None
        if not math.isfinite(number):
            raise Corrupt(f"{self.field}: {number} at {self.table} {self.address} is not a number")
        target = self.target
        if target.member == "on":
            return float(self._runs(number))
        value = (number * self.scale + self.offset) * target.factor(self.unit)
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise Corrupt(
                f"{self.field}: {value:g} at {self.table} {self.address} is outside {self.low} to {self.high}"
            )
        return value

    def _number(self, raw: list[int]) -> float:
        words = raw if self.word_order == "big" else raw[::-1]
        (number,) = struct.unpack(_TYPES[self.type], struct.pack(f">{len(words)}H", *words))
        return float(number)

    def _is_missing(self, number: float) -> bool:
        if self.missing is not None:
            return number in self.missing
        return not self.is_bit and number == _NOT_IMPLEMENTED.get(self.type)

    def _runs(self, number: float) -> bool:
        if self.bit is not None:
            return bool(int(number) >> self.bit & 1)
        if self.equals is not None:
            return number in self.equals
        return number * self.scale + self.offset > (self.above or 0.0)


class RegisterMap(BaseModel):
    """A map file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    device: str = ""
    """What it is of, for people."""
    registers: Annotated[tuple[Register, ...], Field(min_length=1, max_length=500, strict=False)]

    @model_validator(mode="after")
    def _each_field_once(self) -> "RegisterMap":
        fields = [one.field for one in self.registers]
        twice = sorted({name for name in fields if fields.count(name) > 1})
        if twice:
            raise ValueError(f"{twice[0]} is given twice")
        return self


def read_map(path: Path) -> RegisterMap:
    """Reads a map file.

    Raises:
        ConfigError: it is not there or wrong; the text names file, line, key and nearest key.
    """
    file = TomlFile.read(path)
    data: dict[str, Any] = dict(file.data)
    try:
        return RegisterMap.model_validate(data)
    except ValidationError as error:
        place, what = first_fault(error, RegisterMap, show_values=True)
        raise ConfigError(f"{file.where(place)}: {what}") from error
