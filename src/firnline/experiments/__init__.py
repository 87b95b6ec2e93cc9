"""The paper's tables and figures as recipes, on whatever data a person has."""
