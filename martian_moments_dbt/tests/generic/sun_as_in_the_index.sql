{#
    Pictures of Spirit and Opportunity of which the PDS index states another Sun than is computed: where it stood more than 0.3
    degrees from there, or the season more than 0.02 degrees off. What differs is a time, a place or a frame that is not what it is
    taken for. How many of a sample (sampled_records), and by how much at most.
#}
{% test sun_as_in_the_index(model) %}

{{ config(severity='warn') }}

with stated as (
    select
        rover,
        object_key,
        {{ identity(json_text('record', 'PRODUCT_ID')) }} as source_id,
        {{ bounded(to_double(json_text('record', 'SOLAR_AZIMUTH')), -360, 360) }} as azimuth,
        {{ bounded(to_double(json_text('record', 'SOLAR_ELEVATION')), -90, 90) }} as elevation,
        {{ bounded(to_double(json_text('record', 'SOLAR_LONGITUDE')), -360, 360) }} as solar_longitude
    from {{ ref('sampled_records') }}
    where dialect = 'pds'
),

compared as (
    select
        stated.rover,
        degrees({{ sphere_metres(
            'photos.sun_azimuth_deg', 'photos.sun_elevation_deg', 'stated.azimuth', 'stated.elevation'
        ) }} / {{ var('mars_radius_m') }}) as sun_apart_deg,
        abs(degrees(2 * asin(sin(radians(photos.solar_longitude_deg - stated.solar_longitude) / 2)))) as season_apart_deg
    from stated
    inner join {{ model }} as photos
        on
            stated.rover = photos.rover
            and stated.source_id = photos.source_id
            and stated.object_key = photos.object_key
    where photos.source = 'pds'
)

select
    rover,
    count(*) as pictures,
    round(max(sun_apart_deg), 3) as sun_apart_at_most_deg,
    round(max(season_apart_deg), 3) as season_apart_at_most_deg
from compared
where sun_apart_deg > 0.3 or season_apart_deg > 0.02
group by rover

{% endtest %}
