"""The network student's parts: inputs, network, training."""
