"""Backtests: history played again through the code that decides live, and what it would have cost.

From files to a result: `price_files` and `gas` read, `known` says what was known at each moment, `strategies` plan,
`drive` carries out step by step, `perfect` knows everything, `accounts` adds up, `study` runs them all, `report` draws.
"""
