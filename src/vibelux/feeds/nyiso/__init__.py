"""New York ISO: public CSV files of mis.nyiso.com, keyless."""
