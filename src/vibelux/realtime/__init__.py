"""The running desk: on each event it decides for the facilities concerned, keeps the decision and tells of it."""
