"""NOAA beyond the weather service: the Climate Prediction Center's degree days."""
