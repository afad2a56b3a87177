{#
    The missions' maps are plane: east and north in metres on the sphere of mars_radius_m, without the cosine of the latitude
    (exact to 1e-6 degrees on all 8,751 lines that state both). Where their origins lie is a fact of the seed rovers.
#}
with documents as (
    select * from {{ bronze('raw_traverse') }}
    where source = 'mer'
),

records as (
    {{ records(
        'documents',
        'places',
        keep={'rover': 'rover', 'kind': 'kind'},
        fields={
            'site': 'SITE',
            'drive': 'DRIVE',
            'start_sol': 'START_SOL',
            'end_sol': 'END_SOL',
            'corrected_x': 'CORRECTED_X',
            'corrected_y': 'CORRECTED_Y',
            'correctedx': 'CORRECTEDX',
            'correctedy': 'CORRECTEDY',
            'lon': 'LON',
            'lat': 'LAT',
        },
    ) }}
),

typed as (
    select
        rover,
        kind,
        position,
        {{ known('site', to_integer('site')) }} as site,
        {{ known('drive', to_integer('drive')) }} as drive,
        {{ known('mer_sol', to_sol('start_sol')) }} as start_sol,
        {{ known('mer_sol', to_sol('end_sol')) }} as end_sol,
        coalesce(
            {{ known('map_metres', to_double('corrected_x')) }},
            {{ known('map_metres', to_double('correctedx')) }}
        ) as easting_m,
        coalesce(
            {{ known('map_metres', to_double('corrected_y')) }},
            {{ known('map_metres', to_double('correctedy')) }}
        ) as northing_m,
        {{ known('coordinate', to_double('lon')) }} as lon,
        {{ known('coordinate', to_double('lat')) }} as lat
    from records
),

renamed as (
    select
        typed.*,
        coalesce(
            rovers.map_longitude + degrees(typed.easting_m / {{ var('mars_radius_m') }}),
            typed.lon
        ) as longitude,
        coalesce(
            rovers.map_latitude + degrees(typed.northing_m / {{ var('mars_radius_m') }}),
            typed.lat
        ) as latitude
    from typed
    left join {{ facts('rovers') }} as rovers on typed.rover = rovers.rover
)

select
    * exclude (longitude, lon, lat),
    {{ east_positive('longitude') }} as longitude
from renamed
