"""PJM Interconnection: Data Miner 2 reports by subscription key, and the keyless files of its capacity auctions."""
