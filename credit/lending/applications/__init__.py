"""An application's way from the form to the money."""
