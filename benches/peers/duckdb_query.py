"""The rule as a query of DuckDB: python3 benches/peers/duckdb_query.py FILE"""

import sys

import duckdb

# Of each record only what the rule asks for is read. With whole records (`JSON[]`) it takes as long.
QUERY = """
    SELECT count(*) FROM (
        SELECT unnest(Records, recursive := true) FROM read_json($file,
            columns = {Records: 'STRUCT(eventType VARCHAR, eventSource VARCHAR, eventName VARCHAR)[]'},
            format = 'unstructured', compression = 'gzip', maximum_object_size = 2000000000))
    WHERE eventType = 'AwsApiCall' AND eventSource = 'sns.amazonaws.com' AND eventName = 'CreateTopic'
"""

print(duckdb.execute(QUERY, {"file": sys.argv[1]}).fetchone()[0])
