"""Downloads and outcomes in bulk: state tables and sealed segments."""
