"""What somebody owns by the real-estate registry, and the certificate that they own nothing."""
