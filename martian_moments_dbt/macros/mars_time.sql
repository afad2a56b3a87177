{# Mars time: Sol-01965M15:28:38.766, and what it has to do with UTC. A sol has sol_ms, which are 86,400,000 of Mars. #}

{# The seconds of a sol, or of so many of them. #}
{% macro sol_seconds(sols=1) -%}
    {{ var('sol_ms') / 1000 * sols }}
{%- endmacro %}

{% macro lmst_sol(lmst) -%}
    cast({{ matched(lmst, '^Sol-([0-9]{1,5})M[0-9]{1,2}:[0-9]{1,2}:[0-9.]+$') }} as integer)
{%- endmacro %}

{# Seconds of Earth since the sol's midnight; null for a text that is no time of day. #}
{% macro lmst_elapsed(lmst) -%}
    (
        3600 * cast({{ matched(lmst, '^Sol-[0-9]{1,5}M([01]?[0-9]|2[0-3]):[0-9]{1,2}:[0-9.]+$') }} as double)
        + 60 * cast({{ matched(lmst, '^Sol-[0-9]{1,5}M[0-9]{1,2}:([0-5]?[0-9]):[0-9.]+$') }} as double)
        + try_cast({{ matched(lmst, '^Sol-[0-9]{1,5}M[0-9]{1,2}:[0-9]{1,2}:([0-5]?[0-9]([.][0-9]*)?)$') }} as double)
    ) * {{ var('sol_ms') / 86400000 }}
{%- endmacro %}

{# Whether a text is a Mars time with all its digits: such texts are in the order of the times. #}
{% macro is_lmst(lmst) -%}
    {{ matched(lmst, '^(Sol-[0-9]{5}M([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?)$') }} is not null
{%- endmacro %}

{# The mission sol, from milliseconds since the midnight of first_sol. #}
{% macro mission_sol(milliseconds, first_sol) -%}
    {{ first_sol }} + {{ whole_part(milliseconds, var('sol_ms')) }}
{%- endmacro %}

{# The time of day in Mars milliseconds, likewise. #}
{% macro mars_milliseconds(milliseconds) -%}
    {{ whole_part('mod(' ~ milliseconds ~ ', ' ~ var('sol_ms') ~ ') * 86400000', var('sol_ms')) }}
{%- endmacro %}

{# The date that v1 computes for a sol: the landing's, and the whole days of Earth in as many sols. #}
{% macro date_of_sol(landing_date, sol) -%}
    cast({{ dbt.dateadd('day', whole_part('cast(' ~ sol ~ ' as bigint) * ' ~ var('sol_ms'), 86400000), landing_date) }} as date)
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

{# How many of some conditions hold. #}
{% macro count_true() -%}
    {%- for condition in varargs %}
    case when {{ condition }} then 1 else 0 end{{ ' +' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Spacecraft clocks count seconds from here, but for what clock_corrections states. #}
{% macro clock_zero() -%}
    cast('2000-01-01T11:58:55.816+00:00' as timestamptz)
{%- endmacro %}

{# About what the spacecraft clocks show at a moment, without their corrections. #}
{% macro clock_at(moment) -%}
    {{ milliseconds_between(clock_zero(), moment) }} / 1000.0
{%- endmacro %}

{# The UTC that a feed reports, with a Z or without; null where the text is no time. #}
{% macro reported_utc(text) -%}
    try_cast(case when right({{ text }}, 1) = 'Z' then {{ text }} else {{ text }} || 'Z' end as timestamptz)
{%- endmacro %}

{# Whether a time is still to come by more than clocks may differ, so that the clock which wrote it was wrong; as clock.py has it. #}
{% macro is_ahead(moment) -%}
    {{ moment }} > {{ seconds_after('current_timestamp', 300) }}
{%- endmacro %}

{# Whole milliseconds from one moment to another. #}
{% macro milliseconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('milliseconds_between')(earlier, later)) }}
{%- endmacro %}

{# DuckDB's datediff() asks a calendar: 480 ns, of which a photo's times need ten. #}
{% macro duckdb__milliseconds_between(earlier, later) -%}
    (epoch_ms({{ later }}) - epoch_ms({{ earlier }}))
{%- endmacro %}

{% macro snowflake__milliseconds_between(earlier, later) -%}
    datediff('millisecond', {{ earlier }}, {{ later }})
{%- endmacro %}

{# Whether two moments, if both are known, are more than so many seconds apart. #}
{% macro are_apart(one, other, seconds) -%}
    coalesce(abs({{ milliseconds_between(one, other) }}) > 1000 * {{ seconds }}, false)
{%- endmacro %}

{# Whether two moments are known and at most so many seconds apart. #}
{% macro are_close(one, other, seconds) -%}
    coalesce(abs({{ milliseconds_between(one, other) }}) <= 1000 * {{ seconds }}, false)
{%- endmacro %}

{#
    Whether a moment is of a sol as sources number them, that is of it or of the one before or after; null without a moment, true
    where nobody knows when the rover's first sol began.
#}
{% macro is_of_sol(moment, sol, first_sol, first_midnight) -%}
    case
        when {{ moment }} is null then null
        when {{ first_midnight }} is null then true
        else coalesce(
            {{ milliseconds_between(first_midnight, moment) }} >= {{ var('sol_ms') }} * cast({{ sol }} - 1 - {{ first_sol }} as bigint)
            and {{ milliseconds_between(first_midnight, moment) }} < {{ var('sol_ms') }} * cast({{ sol }} + 2 - {{ first_sol }} as bigint),
            false
        )
    end
{%- endmacro %}
