"""What runs beside Snakemake: takes ready jobs, submits them, watches them, and tells what became of them."""
