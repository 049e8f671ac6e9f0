"""Service 49: notices of water, power and gas being cut off."""
