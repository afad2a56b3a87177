{#
    What the missions write for a number that they do not know. One list for every dialect and quantity: NASA's tables have -1
    and -9999 (sites, drives and sols of the localizations; radii and elevations of the map server), a clock or an elevation of
    0 where none was computed, and longitude and latitude 0, which no rover was near. Texts such as 'UNK' are no numbers.

    0 stays where it is a number: the first sol (Spirit and Opportunity count from 1), site, drive and heading, a leg that only
    renumbers the site, an odometer at the landing place (odometers decides).
#}
{% macro placeholders(quantity) -%}
    {{ return({
        'sol': [-1, -9999],
        'mer_sol': [0, -1, -9999],
        'site': [-1, -9999],
        'drive': [-1, -9999],
        'clock': [0, -1, -9999],
        'length': [-1, -9999],
        'odometer': [-1, -9999],
        'elevation': [0, -9999],
        'coordinate': [0, -9999],
        'heading': [-9999],
        'map_metres': [-9999],
    }[quantity]) }}
{%- endmacro %}

{#
    Between what a quantity can lie, far beyond what it has: clocks count seconds in 32 bits, no rover has driven 100 km, Mars is
    21,345 km round. A leg of 1e300 m is none, and no sum or spread of others holds it.
#}
{% macro bounds(quantity) -%}
    {{ return({
        'sol': [0, 99999],
        'mer_sol': [0, 99999],
        'site': [0, 2147483647],
        'drive': [0, 2147483647],
        'clock': [0, 4294967295],
        'length': [0, 100000],
        'odometer': [0, 100000],
        'elevation': [-100000, 100000],
        'coordinate': [-360, 360],
        'heading': [-360, 360],
        'map_metres': [-10672500, 10672500],
    }[quantity]) }}
{%- endmacro %}

{# A number, or null where it stands for an unknown one of its quantity, or cannot be one. #}
{% macro known(quantity, number) -%}
    case
        when {{ number }} between {{ bounds(quantity) | join(' and ') }}
            and {{ number }} not in ({{ placeholders(quantity) | join(', ') }})
            then {{ number }}
    end
{%- endmacro %}

{# A text, or null where it says that nothing is known: of the feeds, and of PDS labels. #}
{% macro known_text(text) -%}
    case when upper(trim({{ text }})) not in ('', 'UNK', 'N/A', 'NULL') then {{ text }} end
{%- endmacro %}
