"""Names of the columns of the wine table."""

MEASUREMENTS = (
    "fixed_acidity",
    "volatile_acidity",
    "citric_acid",
    "residual_sugar",
    "chlorides",
    "free_sulfur_dioxide",
    "total_sulfur_dioxide",
    "density",
    "ph",
    "sulphates",
    "alcohol",
)
QUALITY = "quality"
RED, WHITE = "red", "white"
COLOURS = (RED, WHITE)
