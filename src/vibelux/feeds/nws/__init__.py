"""The National Weather Service of the United States, api.weather.gov: free and keyless."""
