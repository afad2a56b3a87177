{# Pearson's correlation, null where one side never varies (DuckDB says NaN, Snowflake null). #}
{% macro correlation(y, x) -%}
    case
        when stddev_pop({{ y }}) > 0 and stddev_pop({{ x }}) > 0 then corr({{ y }}, {{ x }})
    end
{%- endmacro %}
