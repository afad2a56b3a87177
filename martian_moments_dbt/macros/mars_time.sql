{# Mars time: Sol-01965M15:28:38.766, and what it has to do with UTC. A sol has 88,775.244 s, which are 86,400 of Mars. #}

{% macro lmst_sol(lmst) -%}
    cast({{ matched(lmst, '^Sol-([0-9]{1,5})M[0-9]{1,2}:[0-9]{1,2}:[0-9.]+$') }} as integer)
{%- endmacro %}

{# Seconds of Earth since the sol's midnight. #}
{% macro lmst_elapsed(lmst) -%}
    (
        3600 * cast({{ matched(lmst, '^Sol-[0-9]{1,5}M([0-9]{1,2}):[0-9]{1,2}:[0-9.]+$') }} as double)
        + 60 * cast({{ matched(lmst, '^Sol-[0-9]{1,5}M[0-9]{1,2}:([0-9]{1,2}):[0-9.]+$') }} as double)
        + try_cast({{ matched(lmst, '^Sol-[0-9]{1,5}M[0-9]{1,2}:[0-9]{1,2}:([0-9]{1,2}[.]?[0-9]*)$') }} as double)
    ) * 1.02749125
{%- endmacro %}

{# The mission sol, from milliseconds since the midnight of first_sol. #}
{% macro mission_sol(milliseconds, first_sol) -%}
    {{ first_sol }} + {{ whole_part(milliseconds, 88775244) }}
{%- endmacro %}

{# The time of day in Mars milliseconds, likewise. #}
{% macro mars_milliseconds(milliseconds) -%}
    {{ whole_part('mod(' ~ milliseconds ~ ', 88775244) * 86400000', 88775244) }}
{%- endmacro %}

{# The date that v1 computes for a sol: the landing's, and the whole days of Earth in as many sols. #}
{% macro date_of_sol(landing_date, sol) -%}
    cast({{ dbt.dateadd('day', whole_part('cast(' ~ sol ~ ' as bigint) * 88775244', 86400000), landing_date) }} as date)
{%- endmacro %}

{# A sol and a time of day in Mars milliseconds, in the words of the feeds. #}
{% macro lmst_text(sol, milliseconds) -%}
    'Sol-' || {{ padded(sol, 5) }}
    || 'M' || {{ padded(whole_part(milliseconds, 3600000), 2) }}
    || ':' || {{ padded(whole_part('mod(' ~ milliseconds ~ ', 3600000)', 60000), 2) }}
    || ':' || {{ padded(whole_part('mod(' ~ milliseconds ~ ', 60000)', 1000), 2) }}
    || '.' || {{ padded('mod(' ~ milliseconds ~ ', 1000)', 3) }}
{%- endmacro %}

{# Exact on both warehouses: the quotient of whole numbers is a double on one and a decimal on the other. #}
{% macro whole_part(number, divisor) -%}
    cast(({{ number }} - mod({{ number }}, {{ divisor }})) / {{ divisor }} as bigint)
{%- endmacro %}

{# A whole number with leading zeros. #}
{% macro padded(number, digits) -%}
    lpad(cast({{ number }} as varchar), {{ digits }}, '0')
{%- endmacro %}

{# A moment and seconds after it, to the millisecond. #}
{% macro seconds_after(moment, seconds) -%}
    {{ return(adapter.dispatch('seconds_after')(moment, seconds)) }}
{%- endmacro %}

{% macro duckdb__seconds_after(moment, seconds) -%}
    {{ moment }} + to_milliseconds(cast(round(1000 * ({{ seconds }})) as bigint))
{%- endmacro %}

{% macro snowflake__seconds_after(moment, seconds) -%}
    dateadd(millisecond, cast(round(1000 * ({{ seconds }})) as bigint), {{ moment }})
{%- endmacro %}

{# Whole milliseconds from one moment to another. #}
{% macro milliseconds_between(earlier, later) -%}
    datediff('millisecond', {{ earlier }}, {{ later }})
{%- endmacro %}

{# Whether two moments, if both are known, are more than a minute apart. #}
{% macro are_apart(one, other) -%}
    coalesce(abs({{ milliseconds_between(one, other) }}) > 60000, false)
{%- endmacro %}
