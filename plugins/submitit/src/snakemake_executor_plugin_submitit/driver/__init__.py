"""What runs beside Snakemake: takes ready jobs, submits them, watches them, and reports what became of them."""
