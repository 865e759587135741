"""What lies at a location: datasets, their formats and fields; contracts drafted from that, and drift against them."""
