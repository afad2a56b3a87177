-- depends_on: {{ ref('loaded_objects') }}
with documents as (
    select * from {{ source('bronze', 'raw_traverse') }}
    where kind = 'traverse' and source = 'mmgis'
),

records as (
    {{ records(
        'documents',
        'features',
        keep={'rover': 'rover'},
        fields={
            'sol': 'properties.sol',
            'from_rmc': 'properties.fromRMC',
            'to_rmc': 'properties.toRMC',
            'length': 'properties.length',
            'sclk_start': 'properties.SCLK_START',
            'geometry': 'geometry',
        },
    ) }}
),

renamed as (
    select
        rover,
        position,
        {{ to_integer('sol') }} as sol,
        from_rmc,
        to_rmc,
        {{ to_double('length') }} as length_m,
        {{ to_integer('sclk_start') }} as sclk_start,
        geometry
    from records
)

select * from renamed
