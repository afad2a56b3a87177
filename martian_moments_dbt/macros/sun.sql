{#
    The Sun over Mars, as martian_moments/domain/sun.py has it: the series of Allison and McEwen 2000, whose terms are the variable
    sun of the project. Numbers that are divided by one another are divided here, where they are no decimals of a warehouse.
#}

{#
    A select: the rows of a relation, with the Sun at a column of theirs that is a moment in UTC: solar_longitude_deg, mars_year,
    sun_declination_deg and subsolar_longitude_deg, null where that is null. The columns of the steps come along, as sun_…: a
    series inside a series would be computed once for each time that it is named.
#}
{% macro with_sun(relation, moment) -%}
    {%- set series = var('sun') -%}
    select
        sun_steps.*,
        {{ circled('sun_longitude') }} as solar_longitude_deg,
        cast({{ series.first_year }} + floor(round(sun_longitude, 4) / 360) as integer) as mars_year,
        round(degrees(asin({{ series.sine_of_obliquity }} * sin(sun_season))), 4) as sun_declination_deg,
        {{ circled(
            '180 - 360 * ((sun_days - ' ~ series.mean_midnight.day ~ ') / ' ~ series.mean_midnight.sol_days
            ~ ' + (' ~ series.mean_midnight.sols ~ ')) - (' ~ sines(series.equation_of_time_deg, 'sun_season') ~ ' - sun_centre)'
        ) }} as subsolar_longitude_deg
    from (
        select
            sun_centres.*,
            radians(sun_longitude) as sun_season
        from (
            select
                sun_anomalies.*,
                {{ line(series.mean_sun_deg, 'sun_days') }} + sun_centre as sun_longitude
            from (
                select
                    sun_moments.*,
                    {{ equation_of_centre(series, 'sun_days', 'sun_anomaly') }} as sun_centre
                from (
                    select
                        sun_times.*,
                        radians({{ line(series.mean_anomaly_deg, 'sun_days') }}) as sun_anomaly
                    from (
                        select
                            *,
                            {{ days_of_terrestrial_time(moment) }} as sun_days
                        from {{ relation }}
                    ) as sun_times
                ) as sun_moments
            ) as sun_anomalies
        ) as sun_centres
    ) as sun_steps
{%- endmacro %}

{# The Sun's azimuth at a place, from true north, clockwise, 0 to below 360; the other columns are those of with_sun. #}
{% macro sun_azimuth(longitude, latitude, subsolar_longitude, declination) -%}
    {%- set sky = sun_in_sky(longitude, latitude, subsolar_longitude, declination) -%}
    {{ circled('degrees(atan2(' ~ sky.east ~ ', ' ~ sky.north ~ '))') }}
{%- endmacro %}

{# Its elevation over the horizon of the ellipsoid, without refraction. #}
{% macro sun_elevation(longitude, latitude, subsolar_longitude, declination) -%}
    {%- set sky = sun_in_sky(longitude, latitude, subsolar_longitude, declination) -%}
    round(degrees(atan2({{ sky.up }}, sqrt(power({{ sky.east }}, 2) + power({{ sky.north }}, 2)))), 4)
{%- endmacro %}

{# Local true solar time as HH:MM:SS, to the nearest second. #}
{% macro true_solar_time(longitude, subsolar_longitude) -%}
    {%- set seconds = 'mod(cast(floor(240 * ' ~ circled('180 + ' ~ longitude ~ ' - ' ~ subsolar_longitude)
        ~ ' + 0.5) as bigint), 86400)' -%}
    {{ padded(whole_part(seconds, 3600), 2) }}
    || ':' || {{ padded(whole_part('mod(' ~ seconds ~ ', 3600)', 60), 2) }}
    || ':' || {{ padded('mod(' ~ seconds ~ ', 60)', 2) }}
{%- endmacro %}

{# The direction to the Sun, of length 1. The latitude is planetocentric, but a horizon is that of the ellipsoid. #}
{% macro sun_in_sky(longitude, latitude, subsolar_longitude, declination) -%}
    {%- set upright = 'atan(tan(radians(' ~ latitude ~ ')) * ' ~ var('sun').axes_ratio ** 2 ~ ')' -%}
    {%- set height = 'radians(' ~ declination ~ ')' -%}
    {%- set hour_angle = 'radians(' ~ longitude ~ ' - ' ~ subsolar_longitude ~ ')' -%}
    {{ return({
        'east': '-cos(' ~ height ~ ') * sin(' ~ hour_angle ~ ')',
        'north': 'sin(' ~ height ~ ') * cos(' ~ upright ~ ') - cos(' ~ height ~ ') * sin(' ~ upright ~ ') * cos(' ~ hour_angle ~ ')',
        'up': 'sin(' ~ height ~ ') * sin(' ~ upright ~ ') + cos(' ~ height ~ ') * cos(' ~ upright ~ ') * cos(' ~ hour_angle ~ ')',
    }) }}
{%- endmacro %}

{# Days of Terrestrial Time since J2000.0, 2000-01-01 12:00. #}
{% macro days_of_terrestrial_time(moment) -%}
    {%- set series = var('sun') -%}
    {{ milliseconds_between("cast('2000-01-01T12:00:00+00:00' as timestamptz)", moment) }} / cast(86400000 as double)
    + case
        {%- for day, seconds in series.tai_minus_utc[1:] | reverse %}
        when {{ moment }} >= cast('{{ day }}T00:00:00+00:00' as timestamptz) then {{ (seconds + series.tt_minus_tai) / 86400 }}
        {%- endfor %}
        else {{ (series.tai_minus_utc[0][1] + series.tt_minus_tai) / 86400 }}
    end
{%- endmacro %}

{# Degrees by which the true Sun leads the mean one, with the perturbations by the other planets. #}
{% macro equation_of_centre(series, days, anomaly) -%}
    {%- for turns, size, growth in series.equation_of_centre_deg %}
    {{ '+ ' if not loop.first -}}
    {{ '(' ~ size ~ ' + ' ~ growth ~ ' * ' ~ days ~ ')' if growth else size }} * sin({{ turns }} * {{ anomaly }})
    {%- endfor %}
    {%- for size, period, phase in series.perturbations_deg %}
    + {{ size }} * cos(radians({{ 360 / 365.25 / period }} * {{ days }} + {{ phase }}))
    {%- endfor %}
{%- endmacro %}

{# A sum of sines of multiples of an angle. #}
{% macro sines(terms, angle) -%}
    {%- for turns, size in terms -%}
    {{ ' + ' if not loop.first }}({{ size }}) * sin({{ turns }} * {{ angle }})
    {%- endfor %}
{%- endmacro %}

{# A start and a rate. #}
{% macro line(terms, days) -%}
    {{ terms[0] }} + {{ terms[1] }} * {{ days }}
{%- endmacro %}
