"""OpenADR: demand-response events of utilities and aggregators."""
