"""Schedules and prices that hang below ScheduleExchange. ISO 15118-20:2022, 8.3.5.3.

Scheduled mode lives on them; in Dynamic mode they carry prices at most. Time anchors are Unix seconds.
"""

from protocol.schema import ComplexType, attribute, declared, element
from protocol.values import (
    Boolean,
    Currency,
    Description,
    Identifier,
    Language,
    Name,
    NumericID,
    RationalNumber,
    UnsignedByte,
    UnsignedInt,
    UnsignedLong,
    UnsignedShort,
    XmlID,
)


@declared("cm:EVPowerScheduleEntryType")
class EVPowerScheduleEntry(ComplexType):
    """A power the EV offers, and for how long."""

    duration: UnsignedInt = element("s")
    power: RationalNumber = element("W")


@declared("cm:EVPowerScheduleEntryListType")
class EVPowerScheduleEntryList(ComplexType):
    """Steps of an EV power schedule."""

    ev_power_schedule_entry: tuple[EVPowerScheduleEntry, ...] = element(occurs=(1, 1024))


@declared("cm:EVPowerScheduleType")
class EVPowerSchedule(ComplexType):
    """The power an EV offers over time."""

    time_anchor: UnsignedLong = element("s")
    ev_power_schedule_entries: EVPowerScheduleEntryList = element()


@declared("cm:EVPriceRuleType")
class EVPriceRule(ComplexType):
    """The price the EV asks from a power upwards."""

    energy_fee: RationalNumber = element("per kWh")
    power_range_start: RationalNumber = element("W")


@declared("cm:EVPriceRuleStackType")
class EVPriceRuleStack(ComplexType):
    """Price rules that hold for a time."""

    duration: UnsignedInt = element("s")
    ev_price_rule: tuple[EVPriceRule, ...] = element(occurs=(1, 8))


@declared("cm:EVPriceRuleStackListType")
class EVPriceRuleStackList(ComplexType):
    """The EV's price rules over time."""

    ev_price_rule_stack: tuple[EVPriceRuleStack, ...] = element(occurs=(1, 1024))


@declared("cm:EVAbsolutePriceScheduleType")
class EVAbsolutePriceSchedule(ComplexType):
    """What the EV wants to be paid."""

    time_anchor: UnsignedLong = element("s")
    currency: Currency = element()
    price_algorithm: Identifier = element()
    ev_price_rule_stacks: EVPriceRuleStackList = element()


@declared("cm:EVEnergyOfferType")
class EVEnergyOffer(ComplexType):
    """Energy the EV offers, and its price (Scheduled mode)."""

    ev_power_schedule: EVPowerSchedule = element()
    ev_absolute_price_schedule: EVAbsolutePriceSchedule = element()


@declared("cm:TaxRuleType")
class TaxRule(ComplexType):
    """A tax and what it is charged on."""

    tax_rule_id: NumericID = element()
    tax_rule_name: Name | None = element(default=None)
    tax_rate: RationalNumber = element("%")
    tax_included_in_price: Boolean | None = element(default=None)
    applies_to_energy_fee: Boolean = element()
    applies_to_parking_fee: Boolean = element()
    applies_to_overstay_fee: Boolean = element()
    applies_minimum_maximum_cost: Boolean = element()


@declared("cm:TaxRuleListType")
class TaxRuleList(ComplexType):
    """Taxes of a price schedule."""

    tax_rule: tuple[TaxRule, ...] = element(occurs=(1, 10))


@declared("cm:PriceRuleType")
class PriceRule(ComplexType):
    """The price from a power upwards."""

    energy_fee: RationalNumber = element("per kWh")
    parking_fee: RationalNumber | None = element(default=None)
    parking_fee_period: UnsignedInt | None = element("s", default=None)
    carbon_dioxide_emission: UnsignedShort | None = element("g/kWh", default=None)
    renewable_generation_percentage: UnsignedByte | None = element("%", default=None)
    power_range_start: RationalNumber = element("W")


@declared("cm:PriceRuleStackType")
class PriceRuleStack(ComplexType):
    """Price rules that hold for a time."""

    duration: UnsignedInt = element("s")
    price_rule: tuple[PriceRule, ...] = element(occurs=(1, 8))


@declared("cm:PriceRuleStackListType")
class PriceRuleStackList(ComplexType):
    """Price rules over time."""

    price_rule_stack: tuple[PriceRuleStack, ...] = element(occurs=(1, 1024))


@declared("cm:OverstayRuleType")
class OverstayRule(ComplexType):
    """The fee for staying on after charging."""

    overstay_rule_description: Description | None = element(default=None)
    start_time: UnsignedInt = element("s")
    overstay_fee: RationalNumber = element()
    overstay_fee_period: UnsignedInt = element("s")


@declared("cm:OverstayRuleListType")
class OverstayRuleList(ComplexType):
    """When staying on begins to cost."""

    overstay_time_threshold: UnsignedInt | None = element("s", default=None)
    overstay_power_threshold: RationalNumber | None = element("W", default=None)
    overstay_rule: tuple[OverstayRule, ...] = element(occurs=(1, 5))


@declared("cm:AdditionalServiceType")
class AdditionalService(ComplexType):
    """A service beside energy, and its price."""

    service_name: Name = element()
    service_fee: RationalNumber = element()


@declared("cm:AdditionalServiceListType")
class AdditionalServiceList(ComplexType):
    """Services beside energy."""

    additional_service: tuple[AdditionalService, ...] = element(occurs=(1, 5))


@declared("cm:AbsolutePriceScheduleType")
class AbsolutePriceSchedule(ComplexType):
    """Prices in money over time."""

    id: XmlID | None = attribute("Id", default=None)
    time_anchor: UnsignedLong = element("s")
    price_schedule_id: NumericID = element()
    price_schedule_description: Description | None = element(default=None)
    currency: Currency = element()
    language: Language = element()
    price_algorithm: Identifier = element()
    minimum_cost: RationalNumber | None = element(default=None)
    maximum_cost: RationalNumber | None = element(default=None)
    tax_rules: TaxRuleList | None = element(default=None)
    price_rule_stacks: PriceRuleStackList = element()
    overstay_rules: OverstayRuleList | None = element(default=None)
    additional_selected_services: AdditionalServiceList | None = element(default=None)


@declared("cm:PriceLevelScheduleEntryType")
class PriceLevelScheduleEntry(ComplexType):
    """A price level, and for how long."""

    duration: UnsignedInt = element("s")
    price_level: UnsignedByte = element()


@declared("cm:PriceLevelScheduleEntryListType")
class PriceLevelScheduleEntryList(ComplexType):
    """Price levels over time."""

    price_level_schedule_entry: tuple[PriceLevelScheduleEntry, ...] = element(occurs=(1, 1024))


@declared("cm:PriceLevelScheduleType")
class PriceLevelSchedule(ComplexType):
    """Prices as levels without money."""

    id: XmlID | None = attribute("Id", default=None)
    time_anchor: UnsignedLong = element("s")
    price_schedule_id: NumericID = element()
    price_schedule_description: Description | None = element(default=None)
    number_of_price_levels: UnsignedByte = element()
    price_level_schedule_entries: PriceLevelScheduleEntryList = element()


@declared("cm:PowerScheduleEntryType")
class PowerScheduleEntry(ComplexType):
    """A power, and for how long."""

    duration: UnsignedInt = element("s")
    power: RationalNumber = element("W")
    power_l2: RationalNumber | None = element("W", default=None)
    power_l3: RationalNumber | None = element("W", default=None)


@declared("cm:PowerScheduleEntryListType")
class PowerScheduleEntryList(ComplexType):
    """Steps of a power schedule."""

    power_schedule_entry: tuple[PowerScheduleEntry, ...] = element(occurs=(1, 1024))


@declared("cm:PowerScheduleType")
class PowerSchedule(ComplexType):
    """Power over time that the station grants."""

    time_anchor: UnsignedLong = element("s")
    available_energy: RationalNumber | None = element("Wh", default=None)
    power_tolerance: RationalNumber | None = element("W", default=None)
    power_schedule_entries: PowerScheduleEntryList = element()


@declared("cm:ChargingScheduleType")
class ChargingSchedule(ComplexType):
    """A power schedule with its prices."""

    power_schedule: PowerSchedule = element()
    price_schedule: AbsolutePriceSchedule | PriceLevelSchedule | None = element(default=None)


@declared("cm:ScheduleTupleType")
class ScheduleTuple(ComplexType):
    """One offer of schedules, charging and perhaps discharging."""

    schedule_tuple_id: NumericID = element()
    charging_schedule: ChargingSchedule = element()
    discharging_schedule: ChargingSchedule | None = element(default=None)
