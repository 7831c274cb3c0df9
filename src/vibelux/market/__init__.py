"""The words that all rooms share: records, units, time, quality, regions, errors, the clock."""
