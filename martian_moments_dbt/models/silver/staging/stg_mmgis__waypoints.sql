-- depends_on: {{ ref('loaded_objects') }}
{# dist_total and drive_tota are what the map server called dist_total_m in 2021 and 2022; final_ likewise. #}
with documents as (
    select * from {{ source('bronze', 'raw_traverse') }}
    where kind = 'waypoints' and source = 'mmgis'
),

records as (
    {{ records(
        'documents',
        'features',
        keep={'rover': 'rover'},
        fields={
            'rmc': 'properties.RMC',
            'sol': 'properties.sol',
            'lon': 'properties.lon',
            'lat': 'properties.lat',
            'elev_geoid': 'properties.elev_geoid',
            'dist_total_m': 'properties.dist_total_m',
            'dist_total': 'properties.dist_total',
            'drive_tota': 'properties.drive_tota',
            'final': 'properties.final',
            'final_': 'properties.final_',
            'geometry': 'geometry',
        },
    ) }}
),

renamed as (
    select
        rover,
        position,
        rmc,
        {{ to_integer('sol') }} as sol,
        coalesce(
            {{ to_double('lon') }}, {{ to_double(json_text(parsed('geometry'), 'coordinates[0]')) }}
        ) as longitude,
        coalesce(
            {{ to_double('lat') }}, {{ to_double(json_text(parsed('geometry'), 'coordinates[1]')) }}
        ) as latitude,
        coalesce(
            {{ to_double('elev_geoid') }}, {{ to_double(json_text(parsed('geometry'), 'coordinates[2]')) }}
        ) as elevation_m,
        coalesce(
            {{ to_double('dist_total_m') }}, {{ to_double('dist_total') }}, {{ to_double('drive_tota') }}
        ) as distance_total_m,
        coalesce(final, final_) as final
    from records
)

select * from renamed
