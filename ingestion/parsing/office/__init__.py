"""Files of office programs: texts, tables, presentations."""
