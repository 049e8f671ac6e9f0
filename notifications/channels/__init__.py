"""The ways out: one file for each kind of provider, all behind `port.Provider`."""
