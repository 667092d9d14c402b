"""What happens on request: domains, credentials, keys, reports. Called by the command line and the doors."""
