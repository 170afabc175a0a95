"""What screens, the API, the command line and plugins may do. A view holds no rule of business; it calls these."""
