"""Open-Meteo: forecasts of many weather models with irradiance and wind at hub height; free for non-commercial use."""
