{# Whether a time lies further ahead than clocks may differ by, as clock.py has it: the clock that wrote it was wrong. #}
{% macro is_ahead(moment) -%}
    {{ moment }} > {{ dbt.dateadd('minute', 5, 'current_timestamp') }}
{%- endmacro %}
