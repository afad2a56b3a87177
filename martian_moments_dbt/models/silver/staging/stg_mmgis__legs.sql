-- depends_on: {{ ref('loaded_objects') }}
with documents as (
    select * from {{ source('bronze', 'raw_traverse') }}
    where kind = 'traverse' and source = 'mmgis'
),

records as (
    {{ records('documents', 'features', {'rover': 'rover'}) }}
),

renamed as (
    select
        rover,
        position,
        {{ to_integer(json_text('record', 'properties.sol')) }} as sol,
        {{ json_text('record', 'properties.fromRMC') }} as from_rmc,
        {{ json_text('record', 'properties.toRMC') }} as to_rmc,
        {{ to_double(json_text('record', 'properties.length')) }} as length_m,
        {{ to_integer(json_text('record', 'properties.SCLK_START')) }} as sclk_start,
        {{ json_text('record', 'geometry') }} as geometry
    from records
)

select * from renamed
