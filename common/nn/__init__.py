"""Networks as Linen modules that return `(output, features)`, where features is a dict by layer name."""
