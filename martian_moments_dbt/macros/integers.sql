{# The integers from 0 to below the count, in a column n. #}
{% macro integers(count) -%}
    {{ return(adapter.dispatch('integers')(count)) }}
{%- endmacro %}

{% macro duckdb__integers(count) -%}
    select cast(unnest(range({{ count }})) as integer) as n
{%- endmacro %}

{% macro snowflake__integers(count) -%}
    select row_number() over (order by null) - 1 as n from table(generator(rowcount => {{ count }}))
{%- endmacro %}
